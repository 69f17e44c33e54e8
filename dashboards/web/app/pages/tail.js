// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Until its owner's page stands here, the address is one that does not exist.
import { html, NotFound } from '../ui.js';

export default function Page() {
  return html`<${NotFound} />`;
}
