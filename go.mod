module github.com/wxctl/wxctl

go 1.26.0

require (
	github.com/gofrs/flock v0.13.2
	go.uber.org/goleak v1.3.0
)

require golang.org/x/sys v0.49.0 // indirect

require golang.org/x/image v0.47.0
