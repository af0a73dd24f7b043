package evidence

import (
	"fmt"
	"slices"
	"strings"

	"eic/internal/trust"
)

// Names of the files in a directory. The file of a staple is in stapleDirectory and named
// by its number, from 1, because the metadata service's own names are untrusted.
const (
	manifestFile     = "SHA256SUMS"
	recordFile       = "evidence.json"
	activeKeysFile   = "active-keys"
	instanceFile     = "instance-id"
	regionFile       = "region"
	zoneFile         = "availability-zone"
	domainFile       = "domain"
	signerFile       = "signer-cert.pem"
	stapleNamesFile  = "staple-names"
	anchorsFile      = "trust-anchors.pem"
	stapleDirectory  = "ocsp"
	maxFile          = 2 << 20 // bytes; the longest answer of the metadata service that is read has 1 MiB
	maxFiles         = 64
	maxStaplesListed = 32
)

func stapleFile(i int) string { return fmt.Sprintf("%s/%d", stapleDirectory, i+1) }

// files returns the contents of each file of the Record, by name. An answer that was not
// received has no file; an empty answer has an empty file.
func (r Record) files() (map[string][]byte, error) {
	e := r.Evidence
	files := map[string][]byte{}
	keep := func(name string, content []byte) {
		if content != nil {
			files[name] = content
		}
	}
	keep(activeKeysFile, e.ActiveKeys)
	keep(regionFile, e.Region)
	keep(zoneFile, e.Zone)
	keep(domainFile, e.Domain)
	keep(signerFile, e.Signer.Chain)
	keep(anchorsFile, r.Anchors.Kept)
	if e.Instance != "" {
		keep(instanceFile, []byte(e.Instance))
	}
	if e.Signer.Staples != nil {
		names := []byte{}
		for i, staple := range e.Signer.Staples {
			names = append(append(names, staple.Name...), '\n')
			keep(stapleFile(i), staple.Body)
		}
		keep(stapleNamesFile, names)
	}
	record, err := r.marshal()
	if err != nil {
		return nil, err
	}
	keep(recordFile, record)
	return files, nil
}

// fromFiles is the inverse of files.
func fromFiles(files map[string][]byte) (Record, error) {
	text, ok := files[recordFile]
	if !ok {
		return Record{}, fmt.Errorf("there is no %s", recordFile)
	}
	r, missing, err := unmarshal(text)
	if err != nil {
		return Record{}, err
	}
	e := &r.Evidence
	e.ActiveKeys = files[activeKeysFile]
	e.Instance = string(files[instanceFile])
	e.Region, e.Zone, e.Domain = files[regionFile], files[zoneFile], files[domainFile]
	e.Signer.Chain = files[signerFile]
	r.Anchors.Kept = files[anchorsFile]
	list, listed := files[stapleNamesFile]
	names := slices.Collect(strings.Lines(string(list)))
	if len(names) != len(missing) || len(names) > maxStaplesListed {
		return Record{}, fmt.Errorf("%s has %d names, %s has %d staples; expected as many, at most %d",
			stapleNamesFile, len(names), recordFile, len(missing), maxStaplesListed)
	}
	if listed {
		e.Signer.Staples = make([]trust.Staple, len(names))
	}
	for i, name := range names {
		body := files[stapleFile(i)]
		if (body == nil) != (missing[i] != nil) {
			return Record{}, fmt.Errorf("%s exists, or is missing, contrary to %s", stapleFile(i), recordFile)
		}
		e.Signer.Staples[i] = trust.Staple{Name: strings.TrimSuffix(name, "\n"), Body: body, Err: missing[i]}
	}
	return r, nil
}

// knownFile reports whether a directory may contain a file of this name.
func knownFile(name string) bool {
	for i := range maxStaplesListed {
		if name == stapleFile(i) {
			return true
		}
	}
	return slices.Contains([]string{
		recordFile, activeKeysFile, instanceFile, regionFile, zoneFile,
		domainFile, signerFile, stapleNamesFile, anchorsFile,
	}, name)
}
