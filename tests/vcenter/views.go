package main

// Views are the simulator's; the front only counts them.

import "net/http"

func (x *exchange) createView() *answer {
	a := x.pass()
	if a.status == http.StatusOK {
		_, view := returned(a.body)
		x.session.views[view.text(a.body)] = true
	}
	return a
}

func (x *exchange) destroyView() *answer {
	a := x.pass()
	if a.status == http.StatusOK {
		delete(x.session.views, x.request.this.value)
	}
	return a
}
