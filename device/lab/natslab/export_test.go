package natslab

import "time"

// SetStateTime changes how long [Lab.State] may take.
func (l *Lab) SetStateTime(d time.Duration) { l.stateTime = d }
