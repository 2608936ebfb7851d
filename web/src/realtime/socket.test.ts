import { serverNow } from '@/lib/clock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Realtime, type Event, type SocketLike } from './socket';

class Wire implements SocketLike {
  readyState = 1;
  sent: string[] = [];
  closed = false;
  onopen = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onerror = null;
  constructor(readonly address: string) {}
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.closed = true;
  }
  say(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

describe('the event stream', () => {
  let wires: Wire[];
  let seen: number[];
  let reloads: number;
  let ended: number;
  let live: Realtime;
  const last = () => wires[wires.length - 1] as Wire;
  const event = (seq: number, prev: number) => ({ type: 'event', seq, prev, at: 0, kind: 'agent.state', body: {} });

  beforeEach(() => {
    vi.useFakeTimers();
    wires = [];
    seen = [];
    reloads = 0;
    ended = 0;
    live = new Realtime(
      {
        event: (e: Event) => seen.push(e.seq),
        ephemeral: () => undefined,
        reload: () => (reloads += 1),
        ended: () => (ended += 1),
      },
      (address) => {
        const wire = new Wire(address);
        wires.push(wire);
        return wire;
      },
      () => 0.5,
    );
    live.start();
    last().say({ type: 'welcome', seq: 10, server_time: Date.now() + 5_000 });
  });
  afterEach(() => {
    live.stop();
    vi.useRealTimers();
  });

  it('takes frames that left together in their order, each once', () => {
    last().say({ type: 'many', frames: [event(12, 10), event(12, 10), event(13, 12)] });
    expect(seen).toEqual([12, 13]);
    expect(wires).toHaveLength(1);
  });

  it('comes back from a gap inside frames that left together', () => {
    last().say({ type: 'many', frames: [event(12, 10), event(15, 14), event(16, 15)] });
    expect(seen).toEqual([12]);
    expect(last().address).toContain('since=12');
    expect(wires).toHaveLength(2);
  });

  it('ag_1_1_events_after_a_lost_line_are_asked_for_from_the_last_one_seen', () => {
    last().say(event(11, 10));
    last().onclose?.({ code: 1006 });
    expect(live.link.get()).toBe('offline');
    vi.advanceTimersByTime(1_000);
    expect(last().address).toMatch(/\?since=11$/u);
    last().say({ type: 'welcome', seq: 11, server_time: Date.now() });
    last().say(event(12, 11));
    expect(seen).toEqual([11, 12]);
    expect(live.link.get()).toBe('online');
  });

  it('an_event_that_comes_twice_is_handled_once', () => {
    last().say(event(11, 10));
    last().say(event(11, 10));
    expect(seen).toEqual([11]);
  });

  it('a_gap_is_replayed_instead_of_skipped', () => {
    last().say(event(11, 10));
    last().say(event(15, 14));
    expect(seen).toEqual([11]);
    expect(last().address).toMatch(/\?since=11$/u);
  });

  it('a_ping_moves_the_number_past_events_of_others', () => {
    last().say({ type: 'ping', up_to: 14, server_time: Date.now() });
    last().say(event(15, 14));
    expect(seen).toEqual([15]);
  });

  it('a_reset_loads_everything_again_and_goes_on', () => {
    const before = reloads;
    last().say({ type: 'reset', seq: 40 });
    expect(reloads).toBe(before + 1);
    last().say(event(41, 40));
    expect(seen).toEqual([41]);
  });

  it('an_ended_session_is_not_tried_again', () => {
    last().onclose?.({ code: 4001 });
    vi.advanceTimersByTime(60_000);
    expect([ended, wires.length]).toEqual([1, 1]);
  });

  it('silence_counts_as_a_dead_line', () => {
    vi.advanceTimersByTime(36_000);
    expect(wires.length).toBeGreaterThan(1);
  });

  it('the_clock_follows_the_server', () => {
    expect(Math.abs(serverNow() - Date.now() - 5_000)).toBeLessThan(50);
  });
});
