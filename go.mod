module github.com/wxctl/wxctl

go 1.26.0
