package phone

import "github.com/wxctl/wxctl/intents/androidwire"

// Intent is what activities and receivers are started with.
type Intent = androidwire.Intent
