package cmd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/device"
)

// selectors is a --device that may be repeated: each adds phones. The first one
// is stored where other commands store their only one.
type selectors struct {
	first *string
	all   []string
}

// replace lets a command's --device be repeated.
func (s *selectors) replace(cmd *cobra.Command, first *string) {
	flag := cmd.Flags().Lookup("device")
	s.first = first
	flag.Value = s
}

// Set implements pflag.Value.
func (s *selectors) Set(text string) error {
	if len(s.all) == 0 || text == "" {
		*s.first = text
	}
	s.all = append(s.all, text)
	return nil
}

func (s *selectors) String() string {
	if s.first == nil {
		return ""
	}
	return *s.first
}

// Type implements pflag.Value.
func (*selectors) Type() string { return "string" }

// several are the selectors, nil if there is at most one.
func (s *selectors) several() []string {
	if len(s.all) < 2 {
		return nil
	}
	return s.all
}

// openPhones finds the phones of the run. If there are none, that is not an
// error here: each case gets an error with that reason.
func (o *runOptions) openPhones(ctx context.Context) (phones []*runPhone, none error, closePhones func(), err error) {
	if o.lab.url != "" {
		return o.openLab(ctx)
	}
	chosen, err := o.selected()
	if err != nil {
		return nil, nil, nil, err
	}
	var stops []func()
	closePhones = func() {
		for _, p := range phones {
			if err := p.close(); err != nil {
				o.f.Streams.Warn("%s", safe(describe(err).Message))
			}
		}
		for _, stop := range stops {
			stop()
		}
	}
	for _, sel := range chosen {
		fleet, stop, err := o.f.Phones(ctx, o.f, &o.phone, sel)
		if err != nil {
			closePhones()
			return nil, nil, nil, err
		}
		stops = append(stops, stop)
		fleet.WaitUntil = time.Now().Add(o.phone.wait)
		var selection device.Selection
		err = o.f.patiently(ctx, o.phone.wait, func() (again bool, err error) {
			selection, err = fleet.Select(ctx, sel)
			return worthWaiting(err, sel.All, selection), err
		})
		o.f.sayNotReady(selection)
		if err != nil {
			o.f.explain(err)
			if len(chosen) > 1 || !mayBeAbsent(err) { // if several were named, a missing one is an error
				closePhones()
				return nil, nil, nil, err
			}
			o.sayAbsent(err)
			none = err
		}
		for _, info := range selection.Phones {
			if !slices.ContainsFunc(phones, func(p *runPhone) bool { return p.info.ID == info.ID }) {
				phones = append(phones, &runPhone{info: info, fleet: fleet})
			}
		}
	}
	return phones, none, closePhones, nil
}

// selected are the selectors of the run's phones. Virtual phones of a platform
// are started together, so that each gets its own number.
func (o *runOptions) selected() ([]device.Selector, error) {
	texts := o.devices.several()
	if texts == nil {
		texts = []string{o.phone.device}
	}
	var all []device.Selector
	virtual := map[device.Platform]*device.VirtualSpec{}
	for _, text := range texts {
		flags := o.phone
		flags.device = text
		sel, err := o.f.selector(&flags)
		if err != nil {
			return nil, err
		}
		sel.All = sel.All || sel.Virtual != nil || len(sel.Conditions) > 0
		if v := sel.Virtual; v != nil {
			if first := virtual[v.Platform]; first != nil {
				first.More = append(first.More, v.Options)
				continue
			}
			virtual[v.Platform] = v
		}
		all = append(all, sel)
	}
	return all, nil
}

// mayBeAbsent reports whether an error means that there is no phone, or none
// that is ready.
func mayBeAbsent(err error) bool {
	var e *device.Error
	return errors.As(err, &e) && (e.Code == device.NoPhone || e.Code == device.NoServer || e.Code == device.PhoneNotReady)
}

// sayAbsent says that there are no phones.
func (o *runOptions) sayAbsent(err error) {
	report := describe(err)
	o.f.Streams.Warn("no case can run: %s", safe(report.Message))
	if report.Hint != "" {
		o.f.Streams.Say(o.f.Streams.Label("hint:") + safe(o.f.Streams.Translate(report.Hint)))
	}
}
