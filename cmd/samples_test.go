package cmd

import (
	"testing"

	"github.com/spf13/cobra"
)

// TestSamples: the built-in sample of every share reaches WeChat with no flag at
// all, on both platforms.
func TestSamples(t *testing.T) {
	t.Parallel()
	f, _, _ := testFactory(t, "", nil)
	root := NewCmdRoot(f)
	share, _, err := root.Find([]string{"share"})
	if err != nil {
		t.Fatal(err)
	}
	walked := 0
	for _, c := range share.Commands() {
		if cobra.NoArgs(c, nil) == nil && c.Args != nil && c.Args(c, nil) != nil {
			continue // several pictures: the SDK has no such request, so there is no sample
		}
		walked++
		for _, phone := range []string{"virtual:android?think=1ms", "virtual:ios?think=1ms"} {
			t.Run(c.Name()+" "+phone, func(t *testing.T) {
				f, out, errOut := testFactory(t, "", map[string]string{"WXCTL_DEVICE": phone})
				if code := Run(t.Context(), f, []string{"share", c.Name()}); code != 0 {
					t.Errorf("exit %d: %s%s", code, out(), errOut())
				}
			})
		}
	}
	if walked < 8 {
		t.Errorf("%d samples were tested", walked)
	}
}
