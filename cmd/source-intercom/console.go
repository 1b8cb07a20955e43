package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// console is stderr. On a terminal it keeps one live line below all else, which is wiped before
// anything is written over it. It is safe for concurrent use.
type console struct {
	out io.Writer
	// width is the terminal's present width in columns; nil where stderr is no terminal.
	width func() int

	mu   sync.Mutex
	live int // columns that the live line covers
}

func newConsole(f *os.File) *console {
	c := &console{out: f}
	if term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		c.width = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil || width <= 0 {
				return 80
			}
			return width
		}
	}
	return c
}

func (c *console) isTerminal() bool { return c.width != nil }

// Write writes whole lines.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	return c.out.Write(p)
}

// printf tells a person something. There is nobody to tell that it failed.
func (c *console) printf(format string, args ...any) { _, _ = fmt.Fprintf(c, format, args...) }

// show replaces the live line; "" takes it away. Only a terminal has one.
func (c *console) show(line string) {
	if !c.isTerminal() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	// The last column stays free: some terminals wrap as soon as it is written.
	line = cut(line, c.width()-1)
	_, _ = io.WriteString(c.out, line)
	c.live = utf8.RuneCountInString(line)
}

// wipe uses blanks, not an escape sequence, so that it works on every terminal.
func (c *console) wipe() {
	if c.live > 0 {
		_, _ = io.WriteString(c.out, "\r"+strings.Repeat(" ", c.live)+"\r")
		c.live = 0
	}
}

// cut shortens a line to at most width columns, taking each rune for one.
func cut(line string, width int) string {
	if width < 0 {
		width = 0
	}
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width])
}
