package android

import (
	"context"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// rows is the first row of a cursor.
type rows struct {
	cursor  bool // there was one
	columns []string
	first   []*string // nil if it was empty
}

// query is ContentResolver.query, as the app's own.
func (w *worker) query(ctx context.Context, q *androidwire.Query) (rows, error) {
	resolver, err := w.call(ctx, w.app, "getContentResolver", "()Landroid/content/ContentResolver;")
	if err != nil {
		return rows{}, err
	}
	var uri, projection, selection, args, order jdwp.Value
	pointers := func(list []string) []*string {
		if list == nil {
			return nil
		}
		out := make([]*string, len(list))
		for i := range list {
			out[i] = &list[i]
		}
		return out
	}
	text, err := w.str(ctx, &q.URI)
	if err == nil {
		uri, err = w.static(ctx, "android.net.Uri", "parse", "("+sigString+")"+sigUri, text)
	}
	if err != nil {
		return rows{}, err
	}
	err = together(
		func() (err error) { projection, err = w.strings(ctx, pointers(q.Projection)); return err },
		func() (err error) { selection, err = w.str(ctx, q.Selection); return err },
		func() (err error) { args, err = w.strings(ctx, q.Args); return err },
		func() (err error) { order, err = w.str(ctx, q.SortOrder); return err },
	)
	if err != nil {
		return rows{}, err
	}
	cursor, err := w.call(ctx, resolver.Object(), "query",
		"("+sigUri+"["+sigString+sigString+"["+sigString+sigString+")Landroid/database/Cursor;",
		uri, projection, selection, args, order)
	if err != nil || cursor.IsNull() {
		return rows{}, err
	}
	return w.firstRow(ctx, cursor.Object())
}

// maxColumns bounds what is read of a row.
const maxColumns = 32

func (w *worker) firstRow(ctx context.Context, cursor jdwp.ObjectID) (rows, error) {
	r := rows{cursor: true}
	there, err := w.call(ctx, cursor, "moveToFirst", "()Z")
	if err != nil {
		return r, err
	}
	n, err := w.call(ctx, cursor, "getColumnCount", "()I")
	if err != nil {
		return r, err
	}
	read := func(name string, i int) (*string, error) {
		v, err := w.call(ctx, cursor, name, "(I)"+sigString, jdwp.Int(int32(i)))
		if err != nil || v.IsNull() {
			return nil, err
		}
		s, err := w.vm.StringValue(ctx, v.Object())
		return &s, err
	}
	for i := range min(int(n.Int()), maxColumns) {
		name, err := read("getColumnName", i)
		if err != nil {
			return r, err
		}
		r.columns = append(r.columns, textOf(name))
		if !there.Bool() {
			continue
		}
		cell, err := read("getString", i)
		if err != nil {
			return r, err
		}
		r.first = append(r.first, cell)
	}
	_, err = w.call(ctx, cursor, "close", "()V")
	return r, err
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
