package device

// noFollow is of no use here: making a link takes an administrator.
const noFollow = 0
