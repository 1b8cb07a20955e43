package main

import (
	"bufio"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"syscall"
	_ "unsafe" // for go:linkname
)

// zoneArchive is the toolchain's zone data, compressed; time/tzdata carries the same at four times the
// size. It need not be the newest: the connector uses zones only to save pages.
//
//go:generate sh -c "gzip -9 -n <$GOROOT/lib/time/zoneinfo.zip >zoneinfo.zip.gz"
//go:embed zoneinfo.zip.gz
var zoneArchive string

// Package time lets time/tzdata hand its data over by this function, which any package may link to.
//
//go:linkname registerLoadFromEmbeddedTZData time.registerLoadFromEmbeddedTZData
func registerLoadFromEmbeddedTZData(load func(name string) (string, error))

func init() { registerLoadFromEmbeddedTZData(loadZone) }

// loadZone returns the file of a zone that the machine has no files for. A run asks for one zone or
// none, so nothing is unpacked before and nothing is kept. For a zone that is not there the error is
// ENOENT, never wrapped: package time compares by ==.
func loadZone(name string) (string, error) {
	if name == "localtime" { // the machine's own zone, which each program without /etc/localtime asks for
		return "", syscall.ENOENT
	}
	archive, err := gzip.NewReader(strings.NewReader(zoneArchive))
	if err != nil {
		return "", err
	}
	return findZone(bufio.NewReader(archive), name)
}

// findZone reads a zip archive from its front, file by file. Not every archive allows that: this one
// stores its files uncompressed, and has their sizes before them.
func findZone(archive *bufio.Reader, name string) (string, error) {
	const file, directory = "PK\x03\x04", "PK\x01\x02" // the directory comes after the last file
	for {
		var head [30]byte
		if _, err := io.ReadFull(archive, head[:]); err != nil {
			return "", err
		}
		switch string(head[:4]) {
		case file:
		case directory:
			return "", syscall.ENOENT
		default:
			return "", errors.New("not a zip archive")
		}
		size := int(binary.LittleEndian.Uint32(head[18:]))
		title := make([]byte, binary.LittleEndian.Uint16(head[26:]))
		if _, err := io.ReadFull(archive, title); err != nil {
			return "", err
		}
		if string(title) != name {
			if _, err := archive.Discard(size); err != nil {
				return "", err
			}
			continue
		}
		zone := make([]byte, size)
		_, err := io.ReadFull(archive, zone)
		return string(zone), err
	}
}
