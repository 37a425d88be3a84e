package remotexpc_test

import (
	"fmt"

	"github.com/wxctl/wxctl/device/ios/remotexpc"
)

// A request that asks CoreDevice's appservice for its processes, as bytes and
// back.
func ExampleDecode() {
	request := remotexpc.Request(1, remotexpc.Dict{
		{Key: "CoreDevice.featureIdentifier", Value: "com.apple.coredevice.feature.listprocesses"},
		{Key: "CoreDevice.input", Value: remotexpc.Dict{}},
	})
	data, err := request.Append(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, n, err := remotexpc.Decode(data)
	fmt.Println(n, len(m.Body), m.Body.String("CoreDevice.featureIdentifier"), err)
	// Output: 160 2 com.apple.coredevice.feature.listprocesses <nil>
}

func ExampleDict_String() {
	reply := remotexpc.Dict{{Key: "CoreDevice.error", Value: remotexpc.Dict{
		{Key: "userInfo", Value: remotexpc.Dict{{Key: "NSLocalizedDescription", Value: "Locked"}}},
	}}}
	fmt.Println(reply.String("CoreDevice.error", "userInfo", "NSLocalizedDescription"))
	// Output: Locked
}
