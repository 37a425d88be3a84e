package language

// unread are texts of the source that look like sentences and are none: what
// phones and servers say or are told, and names.
var unread = []string{}
