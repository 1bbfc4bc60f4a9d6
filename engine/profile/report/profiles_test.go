//go:build browser || perfetto

package report

import (
	"os"
	"testing"

	"sealvk/engine/profile"
)

// measured names a profile's JSON file; .ci/report measures one.
const measured = "SEALVK_PROFILE"

// profiles are the sample, and one that was measured.
func profiles(t *testing.T) map[string]*profile.Profile {
	t.Helper()
	path := os.Getenv(measured)
	if path == "" {
		t.Fatalf("%s is not set: run .ci/report", measured)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p, err := profile.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*profile.Profile{"sample": sample(), "measured": p}
}
