package jdwp

import "fmt"

// ErrorCode is a VM's refusal of a command. It is wrapped with the command's
// name; use errors.Is to test for one.
type ErrorCode uint16

// The refusals that a debugger should know (JDWP specification, "Error
// Constants").
const (
	InvalidThread      ErrorCode = 10
	InvalidThreadGroup ErrorCode = 11
	InvalidPriority    ErrorCode = 12
	ThreadNotSuspended ErrorCode = 13
	ThreadSuspended    ErrorCode = 14
	ThreadNotAlive     ErrorCode = 15
	InvalidObject      ErrorCode = 20
	InvalidClass       ErrorCode = 21
	ClassNotPrepared   ErrorCode = 22
	InvalidMethodID    ErrorCode = 23
	InvalidLocation    ErrorCode = 24
	InvalidFieldID     ErrorCode = 25
	InvalidFrameID     ErrorCode = 30
	NoMoreFrames       ErrorCode = 31
	OpaqueFrame        ErrorCode = 32
	NotCurrentFrame    ErrorCode = 33
	TypeMismatch       ErrorCode = 34
	InvalidSlot        ErrorCode = 35
	NotFound           ErrorCode = 41
	InvalidMonitor     ErrorCode = 50
	NotMonitorOwner    ErrorCode = 51
	NotImplemented     ErrorCode = 99
	NullPointer        ErrorCode = 100
	AbsentInformation  ErrorCode = 101
	InvalidEventType   ErrorCode = 102
	IllegalArgument    ErrorCode = 103
	OutOfMemory        ErrorCode = 110
	AccessDenied       ErrorCode = 111
	VMDead             ErrorCode = 112
	Internal           ErrorCode = 113
	UnattachedThread   ErrorCode = 115
	InvalidTag         ErrorCode = 500
	AlreadyInvoking    ErrorCode = 502
	InvalidIndex       ErrorCode = 503
	InvalidLength      ErrorCode = 504
	InvalidString      ErrorCode = 506
	InvalidClassLoader ErrorCode = 507
	InvalidArray       ErrorCode = 508
	TransportLoad      ErrorCode = 509
	TransportInit      ErrorCode = 510
	NativeMethod       ErrorCode = 511
	InvalidCount       ErrorCode = 512
)

var errorNames = map[ErrorCode]string{
	InvalidThread: "INVALID_THREAD", InvalidThreadGroup: "INVALID_THREAD_GROUP", InvalidPriority: "INVALID_PRIORITY",
	ThreadNotSuspended: "THREAD_NOT_SUSPENDED", ThreadSuspended: "THREAD_SUSPENDED", ThreadNotAlive: "THREAD_NOT_ALIVE",
	InvalidObject: "INVALID_OBJECT", InvalidClass: "INVALID_CLASS", ClassNotPrepared: "CLASS_NOT_PREPARED",
	InvalidMethodID: "INVALID_METHODID", InvalidLocation: "INVALID_LOCATION", InvalidFieldID: "INVALID_FIELDID",
	InvalidFrameID: "INVALID_FRAMEID", NoMoreFrames: "NO_MORE_FRAMES", OpaqueFrame: "OPAQUE_FRAME",
	NotCurrentFrame: "NOT_CURRENT_FRAME", TypeMismatch: "TYPE_MISMATCH", InvalidSlot: "INVALID_SLOT", NotFound: "NOT_FOUND",
	InvalidMonitor: "INVALID_MONITOR", NotMonitorOwner: "NOT_MONITOR_OWNER", NotImplemented: "NOT_IMPLEMENTED",
	NullPointer: "NULL_POINTER", AbsentInformation: "ABSENT_INFORMATION", InvalidEventType: "INVALID_EVENT_TYPE",
	IllegalArgument: "ILLEGAL_ARGUMENT", OutOfMemory: "OUT_OF_MEMORY", AccessDenied: "ACCESS_DENIED", VMDead: "VM_DEAD",
	Internal: "INTERNAL", UnattachedThread: "UNATTACHED_THREAD", InvalidTag: "INVALID_TAG", AlreadyInvoking: "ALREADY_INVOKING",
	InvalidIndex: "INVALID_INDEX", InvalidLength: "INVALID_LENGTH", InvalidString: "INVALID_STRING",
	InvalidClassLoader: "INVALID_CLASS_LOADER", InvalidArray: "INVALID_ARRAY", TransportLoad: "TRANSPORT_LOAD",
	TransportInit: "TRANSPORT_INIT", NativeMethod: "NATIVE_METHOD", InvalidCount: "INVALID_COUNT",
}

// Error is the code's name in the specification.
func (e ErrorCode) Error() string {
	if name, ok := errorNames[e]; ok {
		return "the VM refused it: " + name
	}
	return fmt.Sprintf("the VM refused it: error %d", uint16(e))
}

// Thrown is an invocation that ended with an exception in the VM.
type Thrown struct {
	// Exception is the Throwable. The VM may collect it at any time.
	Exception ObjectID
}

// Error returns a sentence; use VM.Text for the exception's own message.
func (t *Thrown) Error() string { return "the method threw an exception" }
