// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What node:test found, in the lines that ci/count_tests.py counts: `ok - name`, `not ok - name`, `skip - name: why`.
export default async function* reporter(source) {
  for await (const { type, data } of source) {
    if (type === 'test:pass' && data.details?.type !== 'suite') {
      const name = data.name.replaceAll('\n', ' ');
      if (data.skip !== undefined) yield `skip - ${name}: ${data.skip}\n`;
      else yield `ok - ${name} (${Math.round(data.details?.duration_ms ?? 0)} ms)\n`;
    } else if (type === 'test:fail' && data.details?.type !== 'suite') {
      const error = data.details?.error;
      yield `not ok - ${data.name}\n${error?.cause?.stack ?? error?.stack ?? error}\n`;
    } else if (type === 'test:diagnostic' && !/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message)) {
      yield `# ${data.message}\n`;
    } else if (type === 'test:stdout' || type === 'test:stderr') {
      yield data.message;
    }
  }
}
