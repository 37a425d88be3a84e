package android

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
)

// describeTime limits how long a phone may take to identify itself. A third of
// the command's time is another limit, so that one phone that hangs leaves time
// for the others.
const describeTime = 5 * time.Second

// marketNames are the properties in which makers store the name that a phone is
// sold under, according to public dumps of properties. Samsung and Meizu have
// none; Meizu's model is already that name.
var marketNames = []string{
	// Xiaomi, Redmi, POCO
	"ro.product.marketname", "ro.product.odm.marketname", "ro.product.vendor.marketname",
	// Huawei, Honor
	"ro.config.marketing_name", "ro.product.honor.marketname",
	// OPPO, realme, OnePlus
	"ro.vendor.oplus.market.name", "ro.oplus.market.name", "ro.oppo.market.name",
	"ro.vendor.oplus.market.enname", "ro.oppo.market.enname", "ro.display.series",
	// vivo, iQOO
	"ro.vivo.market.name", "ro.vendor.vivo.market.name", "ro.vivo.internet.name",
	// ZTE, nubia
	"ro.vendor.product.ztename", "persist.sys.devicename",
	// Lenovo, Motorola
	"ro.zuk.product.market", "ro.product.display", "ro.vendor.product.display", "ro.product.en.display",
	// Asus
	"ro.vendor.asus.product.mkt_name", "ro.asus.product.mkt_name",
	// Tecno, Infinix, itel
	"ro.product.product.tran.device.name.default", "transsion.device.name", "persist.sys.tran.device.name",
}

// noAgentYet is the output of a phone that has no agent yet.
const noAgentYet = "[wxctl.agent]: [none]"

// describe asks a phone for its properties, in one command.
func (b *Backend) describe(ctx context.Context, i device.Info) (t told, answered bool) {
	patience := describeTime
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/3)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	path := agent.RemotePath(b.dex())
	r, err := b.Server.Run(ctx, target(i), "getprop; [ -r "+path+" ] || echo '"+noAgentYet+"'", nil)
	if err != nil {
		return told{}, false
	}
	// It is the last line: what comes before may say anything.
	b.lacks(i, strings.HasSuffix(strings.TrimSpace(string(r.Stdout)), noAgentYet))
	props := parseProperties(string(r.Stdout))
	t = told{Serial: props["ro.serialno"], OSVersion: props["ro.build.version.release"], Model: props["ro.product.model"]}
	for _, p := range marketNames {
		if name := props[p]; name != "" && !strings.EqualFold(name, "unknown") && !strings.EqualFold(name, "null") {
			t.Name = name
			break
		}
	}
	return t, true
}

// describeAll describes those phones that are not in the memory, all at once.
func (b *Backend) describeAll(ctx context.Context, m *memory, phones []*device.Info) {
	fresh := make([]told, len(phones))
	var wg sync.WaitGroup
	for n, i := range phones {
		key := m.key(*i)
		if t, ok := m.find(key); ok {
			t.apply(i)
			continue
		}
		wg.Go(func() {
			t, answered := b.describe(ctx, *i)
			if !answered {
				i.State, i.Fix = device.NotAnswering, device.FixFor(device.NotAnswering)
				return
			}
			t.apply(i)
			t.Key = key
			fresh[n] = t
		})
	}
	wg.Wait()
	m.keep(fresh)
}

// parseProperties reads getprop's output: "[key]: [value]" per line. A value
// may contain line breaks; other lines are skipped.
func parseProperties(text string) map[string]string {
	props := map[string]string{}
	for rest := strings.ReplaceAll(text, "\r\n", "\n"); rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		key, _, ok := strings.Cut(strings.TrimPrefix(line, "["), "]: [")
		if !ok || !strings.HasPrefix(line, "[") {
			rest = after
			continue
		}
		value := rest[len("[")+len(key)+len("]: ["):]
		if end := strings.Index(value, "]\n"); end >= 0 {
			value, rest = value[:end], value[end+len("]\n"):]
		} else {
			value, rest = strings.TrimSuffix(strings.TrimRight(value, "\n"), "]"), ""
		}
		props[key] = device.Said(value)
	}
	return props
}
