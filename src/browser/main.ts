import type { DecryptionEvent } from '../dissect/conversation.ts';
import { decryptPieces } from '../dissect/decrypt-pieces.ts';
import { CapturePage } from '../dissect/page/capture-page.ts';
import { browserCryptography } from './cryptography.ts';
import { piecesOfFile } from './file-pieces.ts';
import { GivenFiles } from './given-files.ts';

/** Runs in the browser: decrypts the capture that was given, with the secrets that were given, and shows it. */
const files = new GivenFiles();
let runs = 0;

const chooser = place('files', HTMLInputElement);
const shown = place('shown', HTMLIFrameElement);
const status = place('status', HTMLElement);

chooser.onchange = async () => {
  const chosen = [...(chooser.files ?? [])];
  // The same file can be chosen once more.
  chooser.value = '';
  await take(chosen);
};
acceptDrops(document);
shown.onload = () => {
  // What happens over a frame is told to its document alone.
  if (shown.contentDocument) acceptDrops(shown.contentDocument);
};

function acceptDrops(target: Document): void {
  const mark = (isOver: boolean): void => void document.body.classList.toggle('over', isOver);
  target.addEventListener('dragover', (event) => {
    event.preventDefault();
    mark(true);
  });
  target.addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) mark(false);
  });
  target.addEventListener('drop', async (event) => {
    event.preventDefault();
    mark(false);
    await take([...(event.dataTransfer?.files ?? [])]);
  });
}

async function take(given: readonly File[]): Promise<void> {
  // What is still being read is read again with what came now.
  const run = ++runs;
  try {
    for (const file of given) list(file.name, await files.add(file));
    if (run !== runs) return;
    if (files.capture === undefined) tell('Now the capture (pcapng or pcap).');
    else await decrypt(files.capture, run);
  } catch (error) {
    if (run === runs) tell(error instanceof Error ? `It did not work: ${error.message}` : String(error), 'problem');
  }
}

async function decrypt(capture: File, run: number): Promise<void> {
  const pieces = piecesOfFile(capture, (bytes) => tell(`Reading: ${Math.round((100 * bytes) / capture.size)} %`));
  const page = new CapturePage();
  const counts = { records: 0, opened: 0, lacksSecrets: false };
  for await (const event of decryptPieces(pieces, browserCryptography, files)) {
    if (run !== runs) return;
    page.push(event);
    count(counts, event);
  }
  show(page.html(capture.name));
  tell(summary(counts));
}

interface Counts {
  records: number;
  opened: number;
  lacksSecrets: boolean;
}

function count(counts: Counts, event: DecryptionEvent): void {
  if (event.kind === 'problem' && event.problem.reason.includes('no secrets of this connection'))
    counts.lacksSecrets = true;
  if (event.kind !== 'record') return;
  counts.records++;
  if (event.record.plaintext !== undefined) counts.opened++;
}

function summary({ records, opened, lacksSecrets }: Counts): string {
  const advice = lacksSecrets ? ' Secrets are missing: add the key log.' : '';
  return `${opened.toLocaleString('en')} of ${records.toLocaleString('en')} records opened.${advice}`;
}

/** In a frame in which no script runs. */
function show(html: string): void {
  shown.srcdoc = html;
  document.body.classList.add('filled');
}

function list(name: string, kind: string): void {
  const entry = document.createElement('li');
  const what = document.createElement('b');
  what.textContent = kind;
  entry.append(what, ` ${name}`);
  place('given', HTMLElement).append(entry);
}

function tell(text: string, looks = ''): void {
  status.textContent = text;
  status.className = looks;
}

function place<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}
