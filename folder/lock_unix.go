//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package folder

import (
	"errors"
	"os"
	"syscall"
)

var errLocked = errors.New("locked")

// lock holds a file for this process alone, until it is closed or the process ends, however it does.
func lock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		err = errLocked
	} else if err != nil {
		err = &os.PathError{Op: "lock", Path: path, Err: err}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
