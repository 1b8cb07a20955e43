package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// table lays out rows below a header. Columns of numbers keep to the right, others to the left.
func table(header []string, rows [][]string) string {
	widths := make([]int, len(header))
	right := make([]bool, len(header))
	for i, title := range header {
		widths[i], right[i] = utf8.RuneCountInString(title), true
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
			right[i] = right[i] && isNumber(row[i])
		}
	}
	var b strings.Builder
	write := func(cells []string) {
		var line strings.Builder
		for i, cell := range cells {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				line.WriteString("  " + pad + cell)
			} else {
				line.WriteString("  " + cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	write(header)
	rules := make([]string, len(widths))
	for i, w := range widths {
		rules[i] = strings.Repeat("─", w)
	}
	write(rules)
	for _, row := range rows {
		write(row)
	}
	return b.String()
}

// isNumber also takes an empty cell for one.
func isNumber(cell string) bool {
	return strings.Trim(cell, "+-0123456789.,") == ""
}

// count writes a number with a comma before every third digit from the end: 1,234,567.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
