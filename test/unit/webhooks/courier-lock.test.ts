import { CourierLock } from '../../../src/webhooks/courier-lock.js';
import { DocumentData, ReferenceDocuments } from '../../contract/reference-documents.js';
import { FakeClock } from '../../support/task.builders.js';

describe('the lock of the courier', () => {
  let clock: FakeClock;
  let documents: ReferenceDocuments;
  let one: CourierLock;
  let other: CourierLock;

  beforeEach(() => {
    clock = new FakeClock();
    documents = new ReferenceDocuments(new DocumentData(), () => undefined);
    one = new CourierLock(documents, clock);
    other = new CourierLock(documents, clock);
  });

  it('is one process’s alone when two have found it free', async () => {
    expect([await one.look(), await other.look()]).toEqual(['free', 'free']);
    expect([await one.take(), await other.take()]).toEqual([true, false]);
    expect([await one.look(), await other.look()]).toEqual(['mine', 'theirs']);
  });

  it('is one process’s alone when two have found it abandoned', async () => {
    const gone = new CourierLock(documents, clock);
    await gone.look();
    await gone.take();
    await gone.abandon();
    expect([await one.look(), await other.look()]).toEqual(['abandoned', 'abandoned']);
    expect([await one.take(), await other.take()]).toEqual([true, false]);
  });

  it('is held for six seconds after the last look', async () => {
    expect(one.isHeld).toBe(false);
    await one.look();
    await one.take();
    clock.advanceSeconds(5);
    expect([await one.look(), one.isHeld]).toEqual(['mine', true]);
    clock.advanceSeconds(5);
    expect([await other.look(), one.isHeld]).toEqual(['theirs', true]);
    clock.advanceSeconds(1);
    expect([await other.look(), one.isHeld]).toEqual(['abandoned', false]);
    expect([await other.take(), await one.look(), one.isHeld]).toEqual([true, 'theirs', false]);
  });

  it('is no longer held when it was given back or abandoned', async () => {
    await one.look();
    await one.take();
    await one.giveBack();
    expect([await other.look(), one.isHeld]).toEqual(['free', false]);
    await other.take();
    await other.abandon();
    expect([await one.look(), other.isHeld]).toEqual(['abandoned', false]);
  });

  it('is believed for six seconds at most, also when the clock was ahead when it was taken', async () => {
    clock.advanceSeconds(86_400);
    await one.look();
    await one.take();
    clock.advanceSeconds(-86_400);
    expect([one.isHeld, await other.look()]).toEqual([false, 'abandoned']);
    expect([await other.take(), await one.look()]).toEqual([true, 'theirs']);
    // And the one that took it renews it, when nobody else was quicker.
    clock.advanceSeconds(-86_400);
    expect([await other.look(), other.isHeld]).toEqual(['mine', true]);
  });
});
