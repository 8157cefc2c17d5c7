import assert from 'node:assert/strict';
import { test } from 'vitest';
import { BoundedMap } from './bounded-map.ts';

test('a bounded map keeps entries until their sizes are more than the most, and then only the newest', () => {
  const map = new BoundedMap<string, string>(10, (text) => text.length);
  map.set('a', '1234');
  map.set('b', '123456');
  assert.deepEqual([map.get('a'), map.get('b')], ['1234', '123456']);
  map.set('c', '1');
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c')], [undefined, undefined, '1']);
});

test('what is replaced or deleted no longer counts', () => {
  const map = new BoundedMap<string, string>(10, (text) => text.length);
  for (let i = 0; i < 10; i++) map.set('a', '123456');
  map.set('b', '1234');
  assert.equal(map.get('a'), '123456');
  map.delete('a');
  map.delete('never there');
  assert.equal(map.get('a'), undefined);
  map.set('c', '123456');
  assert.deepEqual([map.get('b'), map.get('c')], ['1234', '123456']);
  map.clear();
  map.set('d', '1234567890');
  assert.deepEqual([map.get('b'), map.get('d')], [undefined, '1234567890']);
});

test('what an entry takes may lie in its key', () => {
  const map = new BoundedMap<string, string>(10, (text, key) => text.length + key.length);
  map.set('a key that is long', '');
  map.set('b', '');
  assert.deepEqual([map.get('a key that is long'), map.get('b')], [undefined, '']);
  map.delete('b');
  map.set('12345', '12345');
  assert.equal(map.get('12345'), '12345');
});
