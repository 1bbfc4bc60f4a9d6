package batch

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Journal is an output file that tells which lines have their record. A record that was written is
// kept whatever becomes of the process; one that was cut is not there.
type Journal struct {
	Done    *Done
	Records int64 // that the file holds
	Failed  int64 // of those, that say why there is no answer
	Torn    bool  // the last record had been cut, and was dropped

	path    string
	records *Records
	file    *os.File
	end     int64 // bytes of whole records
	last    int64 // index of the last record
	sorted  bool  // records are in the order of their indices
}

// OpenJournal opens the file at path, or makes it, and reads what it holds. With retry the records
// that say why there is no answer are taken out first, by a copy that replaces the file as a whole.
func OpenJournal(path string, records *Records, retry bool) (_ *Journal, err error) {
	j := &Journal{path: path, records: records, Done: NewDone("")}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", path, bare(err))
			j.Close()
		}
	}()
	if j.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, err
	}
	if j.path, err = filepath.EvalSymlinks(path); err != nil { // a copy replaces the file, not a link to it
		return nil, err
	}
	if err = j.scan(); err != nil {
		return nil, err
	}
	if retry && j.Failed > 0 {
		if err = j.rewrite(true, false); err == nil {
			err = j.scan()
		}
		if err != nil {
			return nil, err
		}
	}
	return j, nil
}

// scan reads the file from its start and drops a last record that is not whole.
func (j *Journal) scan() error {
	j.Records, j.Failed, j.last, j.sorted = 0, 0, -1, true
	done := NewDone("")
	j.Done.Close()
	j.Done = done
	if _, err := j.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	end, err := j.records.marks(j.file, func(m mark) error {
		switch was, err := done.Get(m.index); {
		case err != nil:
			return err
		case was != 0:
			return fmt.Errorf("it holds two records of the line at index %d; remove one of them", m.index)
		}
		j.note(m.index, m.failed)
		return done.Set(m.index, m.hash)
	})
	if errors.Is(err, errTorn) {
		j.Torn = true
		err = j.file.Truncate(end)
	}
	if err != nil {
		return err
	}
	j.end = end
	_, err = j.file.Seek(end, io.SeekStart)
	return err
}

func (j *Journal) note(index int64, failed bool) {
	j.Records++
	if failed {
		j.Failed++
	}
	j.sorted = j.sorted && index > j.last
	j.last = index
}

// Append writes a record as a whole, or takes back what was written of it.
func (j *Journal) Append(index int64, record []byte, failed bool) error {
	record = j.records.Begin(record)
	if _, err := j.file.Write(record); err != nil {
		return j.takeBack(err)
	}
	j.end += int64(len(record))
	j.note(index, failed)
	return nil
}

// takeBack cuts a record off that could not be written as a whole.
func (j *Journal) takeBack(why error) error {
	return errors.Join(fmt.Errorf("%s: %w", j.path, bare(why)), j.file.Truncate(j.end))
}

// Finish brings the records into the order of their indices, where lines have been tried again, and the file
// onto the disk.
func (j *Journal) Finish(order Order) error {
	err := j.file.Sync()
	if err == nil && order == InputOrder && !j.sorted {
		err = j.rewrite(false, true)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", j.path, bare(err))
	}
	return nil
}

// rewrite replaces the file by a copy: without the records that failed if they are to be dropped, in the order of
// indices if the copy is to be sorted.
func (j *Journal) rewrite(dropFailed, sorted bool) (err error) {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	part, err := os.OpenFile(j.path+".part", os.O_RDWR|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			part.Close()
			os.Remove(part.Name())
		}
	}()
	if err := part.Chmod(info.Mode().Perm()); err != nil { // whatever the umask left of it
		return err
	}
	if _, err := j.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out := bufio.NewWriterSize(part, 1<<20)
	copied := func(start, end int64) error {
		_, err := io.Copy(out, io.NewSectionReader(j.file, start, end-start))
		return err
	}
	var all []mark // if they are to be sorted
	if err := copied(0, j.records.namesEnd); err != nil {
		return err
	}
	_, err = j.records.marks(j.file, func(m mark) error {
		switch {
		case dropFailed && m.failed:
			return nil
		case sorted:
			all = append(all, m)
			return nil
		}
		return copied(m.start, m.end)
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b mark) int { return cmp.Compare(a.index, b.index) })
	for _, m := range all {
		if err := copied(m.start, m.end); err != nil {
			return err
		}
	}
	if err := errors.Join(out.Flush(), part.Sync()); err != nil {
		return err
	}
	if err := os.Rename(part.Name(), j.path); err != nil {
		return err
	}
	j.file.Close() // it was read only since it was synced, and is gone
	j.file = part
	return syncFolder(j.path)
}

// syncFolder brings the name of a file onto the disk, where the system lets folders be synced.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = folder.Sync() // not every system can
	return folder.Close()
}

// Close closes the file.
func (j *Journal) Close() error {
	var err error
	if j.file != nil {
		err = j.file.Close()
	}
	j.Done.Close()
	return err
}

// bare is a path error without its operation and path, where the message names the file.
func bare(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
