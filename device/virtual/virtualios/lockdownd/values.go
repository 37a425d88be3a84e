package lockdownd

import (
	"strconv"
	"strings"
	"time"
)

// WiFi is the phone's WiFi address, from a range that is not assigned.
const WiFi = "02:00:00:00:00:01"

// Domains of GetValue that clients ask about.
const domainAMFI = "com.apple.security.mac.amfi"

// private lists the values that only paired computers get.
func private(key string) bool {
	switch key {
	case "SerialNumber", "TimeZone", "TimeZoneOffsetFromUTC", "TimeIntervalSince1970", "PasswordProtected", "HostAttached":
		return true
	}
	return false
}

// values are the phone's values in lockdownd.
func (d *Daemon) values() (dict, error) {
	m, err := d.Keys.made()
	if err != nil {
		return nil, err
	}
	v := d.cheapValues()
	v["DevicePublicKey"] = m.public
	return v, nil
}

// cheapValues are all values but the key, which takes long to make.
func (d *Daemon) cheapValues() dict {
	p := d.Phone
	ecid, _ := strconv.ParseUint(p.UDID()[strings.IndexByte(p.UDID(), '-')+1:], 16, 64)
	now := time.Now()
	_, offset := now.Zone()
	class := "iPhone"
	if strings.HasPrefix(p.ProductType(), "iPad") {
		class = "iPad"
	}
	return dict{
		"DeviceName": p.Name(), "DeviceClass": class, "DeviceColor": "1", "ProductType": p.ProductType(), "ProductVersion": p.IOS(),
		"ProductName": "iPhone OS", "BuildVersion": p.Build(), "HardwareModel": "D63AP", "HardwarePlatform": "t8110", "CPUArchitecture": "arm64e",
		"UniqueDeviceID": p.UDID(), "UniqueChipID": ecid, "ChipID": 0x8110, "BoardId": 12, "SerialNumber": "WXCTL" + p.UDID()[len(p.UDID())-5:],
		"WiFiAddress": WiFi, "BluetoothAddress": "02:00:00:00:00:02", "ActivationState": "Activated", "ProtocolVersion": "2",
		"ProductionSOC": true, "TrustedHostAttached": true, "HostAttached": true, "TelephonyCapability": true, "BrickState": false,
		"PasswordProtected": p.Locked(), "TimeZone": "Asia/Shanghai", "TimeZoneOffsetFromUTC": float64(offset),
		"TimeIntervalSince1970": float64(now.UnixMilli()) / 1000, "RegionInfo": "CH/A", "ModelNumber": "MLDJ3",
		"FirmwareVersion": "iBoot-10151.122.1",
	}
}

// domain are the values of a domain.
func (d *Daemon) domain(name string) dict {
	major, _ := d.Phone.Version()
	switch name {
	case domainAMFI:
		if major >= 16 {
			return dict{"DeveloperModeStatus": d.Phone.DeveloperMode()}
		}
	case "com.apple.international":
		return dict{"Language": "zh-Hans", "Locale": "zh_CN"}
	case "com.apple.mobile.battery":
		return dict{"BatteryCurrentCapacity": 80, "BatteryIsCharging": true, "ExternalConnected": true, "HasBattery": true}
	case "com.apple.mobile.wireless_lockdown":
		return dict{"EnableWifiConnections": true}
	}
	return dict{}
}

// value answers GetValue: without a key everything, without a session the
// values for a host that is not paired.
func (s *session) value(q, a dict) {
	key, domain := q.text("Key"), q.text("Domain")
	if key != "" {
		a["Key"] = key
	}
	if domain != "" {
		a["Domain"] = domain
		if !s.secured() {
			a["Error"] = "GetProhibited"
			return
		}
	}
	var values dict
	switch {
	case domain != "":
		values = s.d.domain(domain)
	case key != "" && key != "DevicePublicKey":
		values = s.d.cheapValues()
	default:
		var err error
		if values, err = s.d.values(); err != nil {
			a["Error"] = "InternalError"
			return
		}
	}
	if key == "" {
		if !s.secured() {
			for name := range values {
				if private(name) {
					delete(values, name)
				}
			}
		}
		a["Value"] = values
		return
	}
	value, ok := values[key]
	switch {
	case !ok:
		a["Error"] = "MissingValue"
	case !s.secured() && private(key):
		a["Error"] = "GetProhibited"
	default:
		a["Value"] = value
	}
}
