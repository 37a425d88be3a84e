package cmd

import (
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

func (o *requestOptions) wireIOS(result *preview, p plan, id device.AppIdentity) error {
	return badVersion(device.IOS, o.sdkVersion)
}

func validate(request intents.Request, platform device.Platform, version string) ([]intents.Problem, error) {
	v, err := androidwire.ParseVersion(version)
	if err != nil {
		return nil, badVersion(platform, version)
	}
	return androidwire.Validate(request, androidwire.Sender{SDK: v}), nil
}
