import {
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';

/** Somebody who may sign in. */
@Entity('account')
export class Account {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text', { unique: true }) name!: string;
  @Column('int', { default: 0 }) points!: number;
  @Column('timestamptz', { name: 'seen_at', nullable: true }) seenAt!: Date | null;
  @OneToOne(
    () => Credential,
    (credential) => credential.account,
    { cascade: true },
  )
  credential!: Relation<Credential>;
}

/** How somebody proves who it is. Not audited: nobody needs the history of secrets. */
@Entity('credential')
export class Credential {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text', { name: 'password_hash' }) passwordHash!: string;
  @OneToOne(
    () => Account,
    (account) => account.credential,
    { onDelete: 'CASCADE', nullable: false },
  )
  @JoinColumn({ name: 'account_id' })
  account!: Account;
}

/** A project of an account, with its to-dos. */
@Entity('project')
export class Project {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') name!: string;
  @ManyToOne(() => Account, { nullable: false }) @JoinColumn({ name: 'owner_id' }) owner!: Account;
  @OneToMany(
    () => Todo,
    (todo) => todo.project,
    { cascade: true },
  )
  todos!: Todo[];
}

/** Something to do. */
@Entity('todo')
export class Todo {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') title!: string;
  @Column('boolean', { default: false }) done!: boolean;
  @Column('timestamptz', { name: 'archived_at', nullable: true }) archivedAt!: Date | null;
  @ManyToOne(
    () => Project,
    (project) => project.todos,
    { nullable: false, onDelete: 'CASCADE' },
  )
  @JoinColumn({ name: 'project_id' })
  project!: Project;
}
