#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
#
# routes.py OPENAPI: the route table (C) of what openapi.yaml says. A route without x-role or x-scope, or with one that does not exist, is
# an error of the build.
import re
import sys

import yaml

ROLES = {'none': None, 'viewer': 'WEB_MAY_VIEW', 'triage': 'WEB_MAY_TRIAGE', 'suppress': 'WEB_MAY_SUPPRESS', 'audit': 'WEB_MAY_AUDIT',
         'users': 'WEB_MAY_USERS'}
SCOPES = ('orgs', 'own', 'global', 'none')


def main():
    api = yaml.safe_load(open(sys.argv[1], encoding='utf-8'))
    rows, names = [], set()
    for path, operations in api['paths'].items():
        for method, operation in operations.items():
            name, role, scope = operation['operationId'], operation['x-role'], operation['x-scope']
            if role not in ROLES or scope not in SCOPES or name in names or not re.fullmatch(r'[a-z_]+', name):
                sys.exit(f'{sys.argv[1]}: {method} {path}: operationId, x-role or x-scope')
            names.add(name)
            # an administrator has his own pages, so what concerns the caller alone, or nobody's data, asks for a session and no more
            session = role == 'viewer' and scope in ('own', 'none')
            row = [f'"{method.upper()}", "/api/v1{path}", "{name}", web_op_{name}']
            if role == 'none':
                row.append('.open = true')
            elif session:
                row.append('.session = true')
            else:
                row.append(f'.permission = {ROLES[role]}')
            row += [f'.{key} = true' for key in ('global', 'own') if scope == key]
            row += ['.step_up = true'] if operation.get('x-step-up') else []
            row += [f'.audit = "{operation["x-audit"]}"'] if 'x-audit' in operation else []
            rows.append('\t{' + ', '.join(row) + '},')
    print('// Made from openapi.yaml by routes.py. Do not edit.\n#include "http.h"\n')
    for name in sorted(names):
        print(f'web_handler web_op_{name};')
    print('\nconst struct web_route web_routes[] = {\n' + '\n'.join(rows) + '\n\t{0},\n};')


main()
