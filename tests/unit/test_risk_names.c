// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Our table of risks against the library's own words. The one test of the courier that links libndpi.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ndpi/ndpi_main.h>

#include "courier/risk_names.h"

static void names_are_those_of_the_library(void **state)
{
	(void)state;
	assert_true((int)NDPI_MAX_RISK >= (int)YG_RISKS_COUNT); // a later library may know more
	for (unsigned i = 1; i < YG_RISKS_COUNT; i++)
		assert_string_equal(yg_risk_name(i), ndpi_risk2str((ndpi_risk_enum)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_those_of_the_library)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
