package suite

// Expectation is what one value of a command's JSON object must be.
type Expectation struct {
	// Path leads to the value, with dots: "reply.errCode". "exit" is the exit
	// code.
	Path  string  `json:"path"`
	Pos   Pos     `json:"pos"`
	Match Matcher `json:"match"`
}

// Matcher says what a value must be. All that is set must hold.
type Matcher struct {
	Is       raw      `json:"is,omitempty"`
	Glob     *string  `json:"glob,omitempty"`
	Matches  *string  `json:"matches,omitempty"` // RE2
	Contains raw      `json:"contains,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	OneOf    []raw    `json:"oneOf,omitempty"`
	Exists   *bool    `json:"exists,omitempty"`
	Not      *Matcher `json:"not,omitempty"`
	All      *Matcher `json:"all,omitempty"` // every element of a list
}
