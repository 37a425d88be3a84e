package phone

// Intent is what an activity is started with.
type Intent struct {
	Component          string // package/class in full; empty if none
	Package            string
	Action, Data, Type string
	Flags              int32
	Categories         []string
	ClipData           []string
	Extras             []any
}
