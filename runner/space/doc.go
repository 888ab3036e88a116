// Package space names the points of a scenario: which commit and which levels of its axes each has, what its
// builder image is made of, and in which direction a search goes.
package space
