/*
 * SOAP, inside: what the readers of requests and of responses share.
 */
#ifndef VCACHE_EXCHANGE_SOAP_PARTS_H
#define VCACHE_EXCHANGE_SOAP_PARTS_H

#include "exchange/soap.h"
#include "exchange/xml.h"

/* What is at each depth of an envelope. */
enum {
    DEPTH_ENVELOPE = 1,
    DEPTH_BODY = 2,
    DEPTH_OPERATION = 3, /* of a response: its name, or Fault */
    DEPTH_PARAMETER = 4, /* of a response: returnval */
};

/* Whether the operation's request or response may hold a secret, so that no parser that has read it
 * is kept. True of all but what is cached anyway. */
bool soap_may_be_secret(struct span operation);

#endif
