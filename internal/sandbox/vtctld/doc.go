// Package vtctld serves Vitess's own vtctld over a topology that the caller stores and tablets that the caller is. It is the
// only package that imports Vitess's server tree: what it takes and gives are protocol messages and plain data.
package vtctld
