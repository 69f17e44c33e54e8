// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// openapi.yaml as tests use it: its operations, and whether an answer has the shape that it promises.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { require, root } from './rig.mjs';

/** The whole document. */
export const api = JSON.parse(execFileSync('/usr/bin/python3', ['-c', 'import json,sys,yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)',
  path.join(root, 'dashboards/web/openapi.yaml')], { encoding: 'utf8', maxBuffer: 1 << 26 }));

/** [{ method, path, name, role, scope, stepUp, audit, answers }] of every operation. */
export const operations = Object.entries(api.paths).flatMap(([where, methods]) => Object.entries(methods).map(([method, o]) => ({
  method: method.toUpperCase(), path: where, name: o.operationId, role: o['x-role'], scope: o['x-scope'], stepUp: Boolean(o['x-step-up']), audit: o['x-audit'],
  answers: Object.keys(o.responses).filter((status) => status !== 'default').map(Number), responses: o.responses, parameters: o.parameters ?? [],
})));

let validator;
function ajv() {
  if (!validator) {
    const Ajv = require('ajv/dist/2020').default ?? require('ajv/dist/2020');
    validator = new Ajv({ strict: false, allErrors: false, validateFormats: false });
    validator.addSchema({ $id: 'api', ...api });
  }
  return validator;
}

/** What is wrong with an answer, or ''. */
export function wrong(operation, status, body) {
  const answer = operation.responses[status] ?? (status >= 400 && operation.responses.default);
  if (!answer) return `${operation.name}: status ${status} is not in openapi.yaml`;
  const name = (answer.$ref ?? '').split('/').at(-1);
  const response = answer.$ref ? api.components.responses[name] : answer;
  const schema = name === 'Problem' ? { $ref: 'api#/components/schemas/ProblemDocument' } : response.content?.['application/json'] &&
    { $ref: `api#/components/responses/${name}/content/application~1json/schema` };
  if (!schema) return '';
  const check = ajv().compile(schema);
  return check(body) ? '' : `${operation.name} ${status}: ${ajv().errorsText(check.errors)}`;
}
