// The English catalogue, complete: its keys are the keys.
import { frame } from './en/frame';
import { manage } from './en/manage';
import { told } from './en/told';
import { work } from './en/work';

export const en = { ...frame, ...work, ...manage, ...told };
export type Key = keyof typeof en;
export type Catalogue = Record<Key, string>;
