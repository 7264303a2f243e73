package main

// A certificate authority and a server certificate, new at every start, so that clients can verify for real.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"time"
)

// certificateFor returns what the server presents: the pair of files the options name, or a new one for localhost and
// the names given, whose authority is left in ca.pem.
func certificateFor(o *options) (tls.Certificate, error) {
	if o.certificate != "" {
		return tls.LoadX509KeyPair(o.certificate, o.key)
	}

	authority, authorityKey, err := newAuthority()
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, key, err := newLeaf(o.names, authority, authorityKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}

	// vCenter sends its authority along with its own certificate.
	chain := append(pemBlock("CERTIFICATE", leaf), pemBlock("CERTIFICATE", authority.Raw)...)
	private := pemBlock("PRIVATE KEY", der)

	for name, content := range map[string][]byte{
		"ca.pem":     pemBlock("CERTIFICATE", authority.Raw),
		"server.pem": chain,
		"server.key": private,
	} {
		if err := writeAtomically(filepath.Join(o.dir, name), content); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.X509KeyPair(chain, private)
}

func newAuthority() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := template("vcache test authority")
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign

	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	authority, err := x509.ParseCertificate(der)
	return authority, key, err
}

func newLeaf(names []string, authority *x509.Certificate, authorityKey *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := template("localhost")
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	template.DNSNames = []string{"localhost"}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}

	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), authorityKey)
	return der, key, err
}

func template(commonName string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: commonName, Organization: []string{"vcache tests"}},
		NotBefore:    time.Now().Add(-time.Hour), // clocks of clients under faketime and the like
		NotAfter:     time.Now().AddDate(1, 0, 0),
	}
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
