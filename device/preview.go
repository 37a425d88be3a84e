package device

// Preview is what would be sent, as far as it is known without a phone.
type Preview struct {
	// Wire are the wire forms, in the order of sending. Their JSON is for
	// reading: long data shows its digest.
	Wire []any
	// Text is the same for people.
	Text string
	// Differences are how it departs from what the SDK does.
	Differences []string
	// Notes say what a phone would not be sent.
	Notes []Note
}

// NewPreview is the preview of wire forms, as their platform prints them.
func NewPreview[W any](text string, wires []W, differences []string, notes ...Note) Preview {
	p := Preview{Text: text, Differences: differences, Notes: notes}
	for _, w := range wires {
		p.Wire = append(p.Wire, w)
	}
	return p
}
