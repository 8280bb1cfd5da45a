// What has been heard and what follows from it, in one file: a journal with one line for each event that was taken in.
// The line is the mark and the effect at once: what follows is worked out from the lines, now and after each start.
// One process at a time owns the file.
import fs from "node:fs";

const FOLLOWED = "app_"; // the ids of what this consumer follows begin like this
const REMEMBERED_IDS = 100_000;
const LINES_BEFORE_TIDYING = 10_000;
const CREATED = "portico.identity.application_created.v1";
const CHANGED = "portico.identity.application_changed.v1";
const DELETED = "portico.identity.application_deleted.v1";

export class Ledger {
  #path;
  #file = null;
  #lines = 0;
  #heard = new Set();
  #subjects = new Map(); // "source subject" to { source, subject, last, time, waiting: sequence to { event, at } }
  #applications = new Map();

  constructor(path, { readOnly = false } = {}) {
    this.#path = path;
    for (const line of Ledger.#whole(path)) this.#replay(JSON.parse(line));
    if (!readOnly) this.#tidy();
  }

  close() {
    if (this.#file !== null) fs.closeSync(this.#file);
    this.#file = null;
  }

  // Takes an event in, once and in its order; says what became of it. What is republished states a thing as it is, at the number
  // that its facts have reached: it is a new beginning, where it tells all that is kept here, and changes nothing where as much
  // is known already.
  take(event) {
    if (!event.subject.startsWith(FOLLOWED)) return "does not concern us";
    if (this.#heard.has(event.id)) return "known";
    const at = new Date().toISOString();
    this.#append(`${JSON.stringify({ at, event })}\n`);
    const outcome = this.#hear(event, at);
    if (++this.#lines >= LINES_BEFORE_TIDYING) this.#tidy();
    return outcome;
  }

  // What has been missing for so long, as sentences that say what to run to have it in a queue.
  gaps(olderThanSeconds, queue) {
    const before = new Date(Date.now() - olderThanSeconds * 1000).toISOString();
    const found = [];
    for (const { source, subject, last, time, waiting } of this.#subjects.values()) {
      const since = [...waiting.values()].map((each) => each.at).sort()[0];
      if (since === undefined || since > before) continue;
      const which = `--service ${source.split("/").pop()} --queue ${queue}`;
      const until = Math.min(...waiting.keys()) - 1;
      const missing = last + 1 === until ? `${until}` : `${last + 1} to ${until}`;
      const again = time ? `run \`portico replay ${which} --from ${time}\`, or ` : "run ";
      found.push(
        `gap: ${subject} of ${source}: sequence ${missing} has not come; ${again}` +
          `\`portico republish ${which}\` where it is older than what the outbox keeps`,
      );
    }
    return found;
  }

  applications() {
    return [...this.#applications.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  #append(line) {
    const { size } = fs.fstatSync(this.#file);
    try {
      fs.writeSync(this.#file, line);
      fs.fsyncSync(this.#file); // what is acknowledged is on the disk
    } catch (error) {
      fs.ftruncateSync(this.#file, size); // half a line would spoil the next one
      throw error;
    }
  }

  #hear(event, at) {
    this.#heard.add(event.id);
    const key = `${event.source} ${event.subject}`;
    const about = this.#subjects.get(key) ?? {
      source: event.source, subject: event.subject, last: 0, time: null, waiting: new Map(),
    };
    this.#subjects.set(key, about);
    if (event.sequence <= about.last) return "older than what is known";
    if (event.republished && ![CREATED, DELETED].includes(event.type)) return "says nothing that is kept here";
    if (event.sequence > about.last + 1 && !event.republished) {
      if (!about.waiting.has(event.sequence)) about.waiting.set(event.sequence, { event, at });
      return "waits for those before it";
    }
    for (let next = event; next; next = about.waiting.get(about.last + 1)?.event) this.#apply(about, next);
    return "applied";
  }

  // Does what follows from an event; a fact that means nothing here still counts in the order.
  #apply(about, event) {
    const { application_id: id, organization_id, name, client_id } = event.data;
    if (event.type === CREATED || event.type === CHANGED) this.#applications.set(id, { id, organization_id, name, client_id });
    if (event.type === DELETED) this.#applications.delete(id);
    about.last = event.sequence;
    about.time = event.time;
    for (const sequence of about.waiting.keys()) if (sequence <= about.last) about.waiting.delete(sequence);
  }

  #replay(line) {
    if (line.event) {
      this.#hear(line.event, line.at);
      return;
    }
    this.#heard = new Set(line.heard);
    for (const each of line.subjects) {
      this.#subjects.set(`${each.source} ${each.subject}`, { ...each, waiting: new Map(each.waiting) });
    }
    for (const each of line.applications) this.#applications.set(each.id, each);
  }

  // Writes what follows from all lines as the first line of a new file, and goes on behind it.
  #tidy() {
    const subjects = [...this.#subjects.values()].map((each) => ({ ...each, waiting: [...each.waiting] }));
    const heard = [...this.#heard].slice(-REMEMBERED_IDS);
    const fresh = `${this.#path}.new`;
    const file = fs.openSync(fresh, "w");
    fs.writeSync(file, `${JSON.stringify({ heard, subjects, applications: this.applications() })}\n`);
    fs.fsyncSync(file);
    fs.renameSync(fresh, this.#path);
    this.close();
    this.#file = file;
    this.#lines = 0;
    this.#heard = new Set(heard);
  }

  // The whole lines of a journal: a process that was killed may have left half a line, which was never acknowledged.
  static #whole(path) {
    const text = fs.existsSync(path) ? fs.readFileSync(path, "utf8") : "";
    return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").slice(0, -1);
  }
}
