// An example consumer of Portico's events: keeps a list of the applications there are, with amqplib and the CloudEvents SDK.
//
// It shows what a consumer has to do, whatever it does with what it hears: a durable queue of its own, acknowledging after the
// effect, deduplicating by id, restoring the order by sequence, noticing gaps, connecting again, stopping cleanly.
// README.md tells how to run it.
import amqp from "amqplib";
import { CloudEvent } from "cloudevents";
import { Ledger } from "./ledger.mjs";

const EXCHANGE = "portico.events";
const IN_HAND = 50; // messages that the broker hands out before the first of them is acknowledged
const DELIVERY_LIMIT = 20; // a message that comes so often without any answer goes to the dead queue
const PAUSE_MS = 1000;

const log = (text) => console.error(`${new Date().toISOString()} ${text}`);
const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

// What differs per place; all of it comes from the environment, since the broker's URL holds a secret.
function readSettings(given) {
  const url = given.CONSUMER_BROKER_URL ?? "";
  if (!/^amqps?:\/\//.test(url)) {
    throw new Error("Set CONSUMER_BROKER_URL to the broker's address, such as amqp://user:password@host:5672/.");
  }
  const queueType = given.CONSUMER_QUEUE_TYPE ?? "quorum";
  if (!["quorum", "classic"].includes(queueType)) throw new Error("CONSUMER_QUEUE_TYPE is quorum or classic.");
  const keys = (given.CONSUMER_KEYS ?? "identity.#").split(",").map((key) => key.trim()).filter(Boolean);
  const queue = given.CONSUMER_QUEUE ?? "example.applications.node";
  return { url, queue, queueType, keys, gapSeconds: Number(given.CONSUMER_GAP_SECONDS ?? "30") };
}

// The SDK refuses what is no CloudEvents 1.0 envelope; the rest is Portico's own promise.
function readEvent(content) {
  const event = new CloudEvent(JSON.parse(content.toString("utf8")));
  if (!event.subject) throw new Error("it has no subject");
  if (!Number.isInteger(event.sequence) || event.sequence < 0) throw new Error("it has no sequence");
  if (typeof event.data !== "object" || event.data === null) throw new Error("it has no data");
  return event.toJSON();
}

class Consumer {
  #settings;
  #ledger;
  #told = [];
  #isStopping = false;
  #end = () => {};

  constructor(settings, ledger) {
    this.#settings = settings;
    this.#ledger = ledger;
  }

  // Finishes what is in hand, then ends.
  stop() {
    this.#isStopping = true;
    this.#end();
  }

  async run() {
    while (!this.#isStopping) {
      try {
        await this.#oneConnection();
      } catch (error) {
        log(`no connection, or no longer: ${error.message}`);
      }
      if (!this.#isStopping) await pause();
    }
  }

  async #oneConnection() {
    const connection = await amqp.connect(this.#settings.url, { heartbeat: 10, timeout: 10_000, recovery: false });
    const watch = setInterval(() => this.#tellGaps(), PAUSE_MS);
    try {
      await new Promise((resolve, reject) => {
        this.#end = resolve;
        connection.on("error", reject);
        connection.on("close", () => reject(new Error("the broker closed the connection")));
        this.#consume(connection, reject).catch(reject);
        if (this.#isStopping) resolve();
      });
    } finally {
      clearInterval(watch);
      this.#end = () => {};
      await Promise.race([connection.close().catch(() => {}), pause()]);
    }
  }

  // Makes the queues exist and begins. The exchange is the platform's: it is looked for and never made.
  async #consume(connection, lost) {
    const { queue, queueType, keys } = this.#settings;
    const channel = await connection.createChannel();
    channel.on("error", lost);
    channel.on("close", () => lost(new Error("the broker closed the channel")));
    await channel.prefetch(IN_HAND);
    await channel.checkExchange(EXCHANGE);
    const kind = { "x-queue-type": queueType };
    await channel.assertQueue(`${queue}.dead`, { durable: true, arguments: kind });
    const dead = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": `${queue}.dead` };
    const limit = queueType === "quorum" ? { "x-delivery-limit": DELIVERY_LIMIT } : {};
    await channel.assertQueue(queue, { durable: true, arguments: { ...kind, ...dead, ...limit } });
    for (const key of keys) await channel.bindQueue(queue, EXCHANGE, key);
    await channel.consume(queue, (message) => {
      try {
        this.#take(channel, message);
      } catch (error) {
        lost(error); // without an acknowledgement the message comes again
      }
    });
    log(`consuming ${queue}`);
  }

  #take(channel, message) {
    if (message === null) throw new Error("the broker took the queue away");
    if (this.#isStopping) return; // it comes again
    let event;
    try {
      event = readEvent(message.content);
    } catch (error) {
      log(`a message goes to the dead queue: ${error.message}`);
      channel.reject(message, false);
      return;
    }
    const outcome = this.#ledger.take(event);
    channel.ack(message); // after the effect: whatever happens before this line, the message comes again
    log(`${event.type} ${event.subject} ${event.sequence}: ${outcome}`);
  }

  #tellGaps() {
    const gaps = this.#ledger.gaps(this.#settings.gapSeconds, this.#settings.queue);
    for (const gap of gaps) if (!this.#told.includes(gap)) log(gap);
    this.#told = gaps;
  }
}

async function main() {
  const path = process.env.CONSUMER_STORE ?? "consumer.journal";
  if (process.argv[2] === "show") {
    console.log(JSON.stringify(new Ledger(path, { readOnly: true }).applications(), null, 2));
    return;
  }
  let settings;
  try {
    settings = readSettings(process.env);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 2;
    return;
  }
  const ledger = new Ledger(path);
  const consumer = new Consumer(settings, ledger);
  for (const name of ["SIGTERM", "SIGINT"]) process.on(name, () => consumer.stop());
  await consumer.run();
  ledger.close();
  log("stopped");
}

await main();
