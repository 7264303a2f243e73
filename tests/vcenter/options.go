package main

// What the command line can ask for. The names are also the README's.

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

type options struct {
	dir         string
	listen      string
	names       list
	certificate string
	key         string
	identity    string
	apiVersion  string
	http2       bool

	idleTimeout  time.Duration
	sessionIdle  time.Duration
	delay        time.Duration
	taskTime     time.Duration
	dieWithStdin bool
	earlyCookie  bool
	uneven       bool
	maxSessions  int
	diary        bool

	page        int
	gzip        string
	gzipMinimum int
	framing     string
	users       users

	size inventorySize
}

// list is a flag that may be given more than once.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

// users maps a name to its password.
type users map[string]string

func (u users) String() string { return "" } // never print a password in a usage text

func (u users) Set(v string) error {
	name, password, ok := strings.Cut(v, ":")
	if !ok || name == "" || password == "" {
		return fmt.Errorf("want NAME:PASSWORD")
	}
	u[name] = password
	return nil
}

func parseOptions(arguments []string) (*options, error) {
	o := &options{users: users{}}
	f := flag.NewFlagSet("vcenter", flag.ContinueOnError)
	f.SetOutput(os.Stderr)

	f.StringVar(&o.dir, "dir", "", "`directory` for certificates, journal, control socket and the rest (required)")
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` to listen on")
	f.Var(&o.names, "name", "one more `host name` for the certificate (repeatable)")
	f.StringVar(&o.certificate, "cert", "", "PEM `file` with the certificate to present instead of a new one")
	f.StringVar(&o.key, "key", "", "PEM `file` with its key")
	f.StringVar(&o.identity, "identity", defaultIdentity, "which vCenter this is: decides instanceUuid, and prefixes VM names if not the default")
	f.StringVar(&o.apiVersion, "api-version", "6.5", "about.apiVersion, and the newest version in vimServiceVersions.xml")

	f.BoolVar(&o.http2, "http2", false, "speak HTTP/2 to clients that offer it")

	f.DurationVar(&o.idleTimeout, "idle-timeout", 0, "close a keep-alive connection idle for so long (0: never)")
	f.DurationVar(&o.sessionIdle, "session-idle", 30*time.Minute, "end a session idle for so long (0: never)")
	f.DurationVar(&o.delay, "delay", 0, "time every SOAP answer is held back after it was computed")
	f.DurationVar(&o.taskTime, "task-time", 0, "time a task stays running before it takes effect (0: done at once)")
	f.BoolVar(&o.dieWithStdin, "die-with-stdin", false, "end when standard input reaches its end")
	f.BoolVar(&o.earlyCookie, "early-cookie", false, "send the session cookie with the first unauthenticated answer, as old vCenters do")

	f.BoolVar(&o.uneven, "uneven", false, "give each login a cookie and a key of another length")
	f.IntVar(&o.maxSessions, "max-sessions", 0, "refuse a login with status 503 when there are so many sessions (0: no cap)")
	f.BoolVar(&o.diary, "diary", false, "write down what virtual machines and folders are, and when they change")

	f.IntVar(&o.page, "page", 0, "most objects in a page of RetrievePropertiesEx, whatever the client asks for (0: no cap)")
	f.StringVar(&o.gzip, "gzip", "auto", "`auto`: larger bodies; always: any size; never. Only to clients that accept it")
	f.IntVar(&o.gzipMinimum, "gzip-minimum", 1024, "`bytes` from which auto compresses")
	f.StringVar(&o.framing, "framing", "auto", "`auto`: chunked from 32 KiB; length; chunked; close")
	closeDelimited := f.Bool("close-delimited", false, "the same as --framing close")
	f.Var(o.users, "user", "`NAME:PASSWORD` that may log in (repeatable; replaces the defaults)")

	f.IntVar(&o.size.datacenters, "datacenters", 1, "datacenters")
	f.IntVar(&o.size.clusters, "clusters", 1, "clusters per datacenter")
	f.IntVar(&o.size.hosts, "hosts", 3, "hosts per cluster")
	f.IntVar(&o.size.standaloneHosts, "standalone-hosts", 1, "hosts outside of a cluster per datacenter")
	f.IntVar(&o.size.pools, "pools", 0, "resource pools per cluster, besides its root pool")
	f.IntVar(&o.size.datastores, "datastores", 1, "datastores per datacenter")
	f.IntVar(&o.size.portgroups, "portgroups", 1, "distributed port groups per datacenter")
	f.IntVar(&o.size.vms, "vms", 4, "virtual machines in all")

	if err := f.Parse(arguments); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if *closeDelimited {
		o.framing = "close"
	}
	if len(o.users) == 0 {
		o.users["administrator@vsphere.local"] = "vcache-Secret-1"
		o.users["reader@vsphere.local"] = "vcache-Secret-2"
	}
	return o, o.check()
}

func (o *options) check() error {
	if o.dir == "" {
		return fmt.Errorf("--dir is required")
	}
	if (o.certificate == "") != (o.key == "") {
		return fmt.Errorf("--cert and --key go together")
	}
	if !validGzip(o.gzip) {
		return fmt.Errorf("--gzip: %q is none of auto, always, never", o.gzip)
	}
	if !validFraming(o.framing) {
		return fmt.Errorf("--framing: %q is none of auto, length, chunked, close", o.framing)
	}
	return o.size.check()
}
