# SOAP by hand, for tests that look at the wire. The current vCenter is vcenter.bash's.

# soap OPERATION TYPE ID [inside] [curl option…]: one request; prints the answer's body.
soap() {
    local operation=$1 type=$2 id=$3 inside=${4:-}
    shift $(($# < 4 ? $# : 4))
    printf '%s' '<?xml version="1.0"?><soapenv:Envelope' \
        ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"' \
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>' \
        "<$operation xmlns=\"urn:vim25\"><_this type=\"$type\">$id</_this>$inside</$operation>" \
        '</soapenv:Body></soapenv:Envelope>' |
        curl --silent --show-error --cacert "$VCENTER_CA" --header 'Content-Type: text/xml; charset=UTF-8' \
            --data-binary @- "$@" "$(vcenter_url)/sdk"
}

# vcenter_url: where the current vCenter answers.
vcenter_url() {
    case $VCENTER_HOST in
        *:*) echo "https://[$VCENTER_HOST]:$VCENTER_PORT" ;;
        *) echo "https://$VCENTER_HOST:$VCENTER_PORT" ;;
    esac
}

# soap_login [curl option…]: log in; prints the Set-Cookie value whole.
soap_login() {
    soap Login SessionManager SessionManager \
        "<userName>$VCENTER_USER</userName><password>$VCENTER_PASSWORD</password>" \
        --output /dev/null --dump-header - "$@" | sed -n 's/^Set-Cookie: \(.*\)\r$/\1/p'
}

# soap_read TYPE ID PROPERTY [curl option…]: one property, by RetrievePropertiesEx.
soap_read() {
    local type=$1 id=$2 property=$3
    shift 3
    soap RetrievePropertiesEx PropertyCollector propertyCollector \
        "<specSet><propSet><type>$type</type><pathSet>$property</pathSet></propSet><objectSet><obj type=\"$type\">$id</obj></objectSet></specSet><options></options>" "$@"
}
