// Package cache keeps what took long to make, in a folder that several processes share.
//
// An entry (cache.go) appears whole or not at all, and is made again when its files are not what they were.
// stock.go lists what lies in a cache, and stockprune.go removes what nobody needs: not what a lock file in
// use names (stockroots.go), and nothing while another process works with the cache (stockhold.go). It knows
// nothing of what the entries mean to those who make them.
package cache
