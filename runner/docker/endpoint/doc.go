// Package endpoint finds the Docker engine that the user means: by DOCKER_HOST, by docker's own contexts, or
// where one listens by default (find.go, context.go). What comes out is a client that has had an answer, or
// an error that says where was looked and what to do (unavailable.go).
package endpoint
