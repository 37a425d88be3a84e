package android

import "github.com/electricbubble/gadb"

type gadbDevice = gadb.Device

func gadbReadTimeout() int64 { return int64(gadb.DefaultAdbReadTimeout) }
