package main

import "os"

// writeAtomically makes a file appear whole or not at all, since tests read it as soon as they see it.
func writeAtomically(name string, content []byte) error {
	temporary := name + ".new"
	if err := os.WriteFile(temporary, content, 0600); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}
