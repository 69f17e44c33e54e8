// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What ci/lint has to know to check app/: the texts that the build merges, and two names of browsers that TypeScript's own list lacks.
declare module '@i18n/*' {
  const texts: { [key: string]: string };
  export default texts;
}

interface Window {
  trustedTypes?: { createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string } };
  onconnect: ((event: MessageEvent) => void) | null; // a SharedWorker's
}
