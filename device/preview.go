package device

// Preview is what would be sent, as far as that is known without a phone.
type Preview struct {
	// Wire are the wire forms, in the order of sending. Their JSON is for
	// reading: long data is shown by its digest.
	Wire []any
	// Text is the same for people.
	Text string
	// Differences say how it differs from what the SDK does.
	Differences []string
	// Notes say what would not be sent to a phone.
	Notes []Note
}

// NewPreview returns the preview of wire forms, as printed by their platform's
// package.
func NewPreview[W any](text string, wires []W, differences []string, notes ...Note) Preview {
	p := Preview{Text: text, Differences: differences, Notes: notes}
	for _, w := range wires {
		p.Wire = append(p.Wire, w)
	}
	return p
}
