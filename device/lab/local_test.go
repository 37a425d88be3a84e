package lab_test

import (
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/fixtures/labtest"
)

func TestLocal(t *testing.T) {
	labtest.Queue(t, func(_ *testing.T, record lab.Record) (lab.Queue, lab.Source) {
		q := lab.NewLocal(time.Now, record)
		return q, q
	})
}
