package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sealvk/weights"
)

// checkOutput finds what is wrong with the name of a file to write, before the work that
// it is for.
func checkOutput(path string) error {
	folder := filepath.Dir(path)
	if info, err := os.Stat(folder); err != nil {
		return fmt.Errorf("%s: its folder %s: %w; make it or choose another", path, folder, bare(err))
	} else if !info.IsDir() {
		return fmt.Errorf("%s: %s is not a folder", path, folder)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder; want the name of the file to write in it", path)
	}
	return nil
}

// checkNotInput is an error if path is a file of the model that is read: one of its
// weights, or anything beside them in the model's folder.
func checkNotInput(path string, m *weights.Model) error {
	out, err := os.Stat(path)
	if err != nil {
		return nil
	}
	files := append([]string{m.Tokenizer}, m.Files...)
	entries, _ := os.ReadDir(m.Path) // none if the model is a file
	for _, e := range entries {
		files = append(files, filepath.Join(m.Path, e.Name()))
	}
	for _, name := range files {
		if in, err := os.Stat(name); err == nil && os.SameFile(in, out) {
			return fmt.Errorf("%s is the input's own file %s; choose another name for the output", path, name)
		}
	}
	return nil
}

// bare is a path error without its operation and path, where the message names another.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// writeFile makes the file at path from what write gives: under another name
// first, so that a file of that name is always whole. Devices and pipes are
// written as they are.
func writeFile(path string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeDirectly(path, write)
	}
	name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.part", filepath.Base(path), os.Getpid()))
	temp, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return fmt.Errorf("%s: %w", path, bare(err))
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(name)
		}
	}()
	w := bufio.NewWriterSize(temp, 1<<20)
	if err := errors.Join(write(w), w.Flush()); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return fmt.Errorf("%s: %w", path, bare(err))
	}
	return os.Rename(name, path)
}

func writeDirectly(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	return errors.Join(write(w), w.Flush(), file.Close())
}
