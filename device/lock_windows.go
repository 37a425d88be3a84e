package device

// noFollow has no effect: creating a link needs administrator rights on
// Windows.
const noFollow = 0
