package intents

// Every request, reply and object writes its kind into its JSON object, so that
// it can be read back without knowing its type.

// MarshalJSON writes the fields and the kind.
func (s Share) MarshalJSON() ([]byte, error) {
	type plain Share
	return tagged(s.Kind(), plain(s))
}

// MarshalJSON writes the fields and the kind.
func (a Auth) MarshalJSON() ([]byte, error) {
	type plain Auth
	return tagged(a.Kind(), plain(a))
}

// MarshalJSON writes the fields and the kind.
func (l LaunchMiniProgram) MarshalJSON() ([]byte, error) {
	type plain LaunchMiniProgram
	return tagged(l.Kind(), plain(l))
}

// MarshalJSON writes the fields and the kind.
func (s SubscribeMessage) MarshalJSON() ([]byte, error) {
	type plain SubscribeMessage
	return tagged(s.Kind(), plain(s))
}

// MarshalJSON writes the fields and the kind.
func (s SubscribeMiniProgramMessage) MarshalJSON() ([]byte, error) {
	type plain SubscribeMiniProgramMessage
	return tagged(s.Kind(), plain(s))
}

// MarshalJSON writes the fields and the kind.
func (o OpenWebview) MarshalJSON() ([]byte, error) {
	type plain OpenWebview
	return tagged(o.Kind(), plain(o))
}

// MarshalJSON writes the fields and the kind.
func (s ShareReply) MarshalJSON() ([]byte, error) {
	type plain ShareReply
	return tagged(s.Kind(), plain(s))
}

// MarshalJSON writes the fields and the kind.
func (a AuthReply) MarshalJSON() ([]byte, error) {
	type plain AuthReply
	return tagged(a.Kind(), plain(a))
}

// MarshalJSON writes the fields and the kind.
func (l LaunchReply) MarshalJSON() ([]byte, error) {
	type plain LaunchReply
	return tagged(l.Kind(), plain(l))
}

// MarshalJSON writes the fields and the kind.
func (s SubscribeReply) MarshalJSON() ([]byte, error) {
	type plain SubscribeReply
	return tagged(s.Kind(), plain(s))
}

// MarshalJSON writes the fields and the kind.
func (s SubscribeMiniProgramReply) MarshalJSON() ([]byte, error) {
	type plain SubscribeMiniProgramReply
	return tagged(s.Kind(), plain(s))
}

// MarshalJSON writes the fields and the kind.
func (o OpenWebviewReply) MarshalJSON() ([]byte, error) {
	type plain OpenWebviewReply
	return tagged(o.Kind(), plain(o))
}

// MarshalJSON writes the fields and the kind.
func (o OtherReply) MarshalJSON() ([]byte, error) {
	type plain OtherReply
	return tagged(o.Kind(), plain(o))
}

// MarshalJSON writes the fields and the kind.
func (t Text) MarshalJSON() ([]byte, error) {
	type plain Text
	return tagged(t.ObjectKind(), plain(t))
}

// MarshalJSON writes the fields and the kind.
func (i Image) MarshalJSON() ([]byte, error) {
	type plain Image
	return tagged(i.ObjectKind(), plain(i))
}

// MarshalJSON writes the fields and the kind.
func (i Images) MarshalJSON() ([]byte, error) {
	type plain Images
	return tagged(i.ObjectKind(), plain(i))
}

// MarshalJSON writes the fields and the kind.
func (m Music) MarshalJSON() ([]byte, error) {
	type plain Music
	return tagged(m.ObjectKind(), plain(m))
}

// MarshalJSON writes the fields and the kind.
func (v Video) MarshalJSON() ([]byte, error) {
	type plain Video
	return tagged(v.ObjectKind(), plain(v))
}

// MarshalJSON writes the fields and the kind.
func (w Webpage) MarshalJSON() ([]byte, error) {
	type plain Webpage
	return tagged(w.ObjectKind(), plain(w))
}

// MarshalJSON writes the fields and the kind.
func (m MiniProgram) MarshalJSON() ([]byte, error) {
	type plain MiniProgram
	return tagged(m.ObjectKind(), plain(m))
}

// MarshalJSON writes the fields and the kind.
func (f File) MarshalJSON() ([]byte, error) {
	type plain File
	return tagged(f.ObjectKind(), plain(f))
}

// MarshalJSON writes the fields and the kind.
func (e Emoji) MarshalJSON() ([]byte, error) {
	type plain Emoji
	return tagged(e.ObjectKind(), plain(e))
}

// MarshalJSON writes the fields and the kind.
func (m MusicVideo) MarshalJSON() ([]byte, error) {
	type plain MusicVideo
	return tagged(m.ObjectKind(), plain(m))
}

// MarshalJSON writes the fields and the kind.
func (v VideoFile) MarshalJSON() ([]byte, error) {
	type plain VideoFile
	return tagged(v.ObjectKind(), plain(v))
}
