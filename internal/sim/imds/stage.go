package imds

import (
	"net/http"
	"strings"
)

// Stage is the purpose of a request, for a client that looks up a user's keys.
type Stage string

// The stages, in the order in which such a client needs them. Every other request
// is StageOther.
const (
	StageToken            Stage = "token"
	StageActiveKeys       Stage = "active-keys"
	StageInstanceID       Stage = "instance-id"
	StageRegion           Stage = "region"
	StageAvailabilityZone Stage = "availability-zone"
	StageDomain           Stage = "domain"
	StageSignerCert       Stage = "signer-cert"
	StageStapleList       Stage = "staple-list"
	StageStaple           Stage = "staple"
	StageOther            Stage = "other"
)

const (
	tokenPath = "/latest/api/token"
	dataPath  = "/latest/meta-data"

	// Paths below dataPath.
	activeKeysPath = "managed-ssh-keys/active-keys"
	staplePath     = "managed-ssh-keys/signer-ocsp"
)

// stageOf returns the stage of a request.
func stageOf(r *http.Request) Stage {
	if r.URL.Path == tokenPath {
		return StageToken
	}
	path, ok := dataName(r.URL.Path)
	if !ok {
		return StageOther
	}
	switch path {
	case "instance-id":
		return StageInstanceID
	case "placement/region":
		return StageRegion
	case "placement/availability-zone":
		return StageAvailabilityZone
	case "services/domain":
		return StageDomain
	case "managed-ssh-keys/signer-cert":
		return StageSignerCert
	case staplePath:
		return StageStapleList
	}
	switch {
	case strings.HasPrefix(path, activeKeysPath+"/"):
		return StageActiveKeys
	case strings.HasPrefix(path, staplePath+"/"):
		return StageStaple
	}
	return StageOther
}

// dataName returns the path below /latest/meta-data/ without surrounding slashes.
func dataName(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, dataPath)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return strings.Trim(rest, "/"), true
}
